import { hash } from 'node:crypto'
import { Refusal } from '@powernode/rpc'
import type { PageStart } from '../operations/events/recent-events.ts'
import { PAGES_HOLD_MS } from '../retention.ts'
import type { Filter } from '../store/events.ts'

const FORM = /^(\d{1,15}) (\d{1,15}) ([\w-]{22})$/

/**
 * Where the next page begins: opaque to callers, so that it may mean something else one day. It holds for the question it
 * was given to, since a page of another question would be part of no list.
 */
export function eventPageToken({ before, begunAt }: PageStart, filter: Filter): string {
  return Buffer.from(`${before} ${begunAt.getTime()} ${questionOf(filter)}`).toString('base64url')
}

export function readEventPageToken(token: string, filter: Filter, now: Date): PageStart | undefined {
  if (token === '') return undefined
  const said = Buffer.from(token, 'base64url')
  const [, before, begunAt, question] = FORM.exec(said.toString()) ?? []
  if (said.toString('base64url') !== token || !before || !begunAt)
    throw invalid('this page token was not made here', {})
  if (question !== questionOf(filter)) throw invalid('this page token belongs to another question', {})
  if (now.getTime() - Number(begunAt) > PAGES_HOLD_MS) throw invalid('this page token has run out', { begunAt })
  return { before: Number(before), begunAt: new Date(Number(begunAt)) }
}

/** A different number of events a page is the same question. */
function questionOf({ kindPrefix, source, peerId, severity, since, until }: Filter): string {
  const parts = [kindPrefix, source, peerId, severity ?? '', since?.getTime() ?? '', until?.getTime() ?? '']
  return hash('sha256', JSON.stringify(parts), 'base64url').slice(0, 22)
}

function invalid(sentence: string, { begunAt }: { readonly begunAt?: string }): Refusal {
  const metadata = begunAt === undefined ? {} : { begun_at: new Date(Number(begunAt)).toISOString() }
  return new Refusal('PAGE_TOKEN_INVALID', sentence, { metadata, next: 'begin again without one' })
}
