import { createHash } from 'node:crypto'
import type { Entry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { payloadOf, payloadState } from '../entries.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { harmless } from './paint.ts'
import { sheet, table } from './table.ts'
import { moment } from './time.ts'
import { what } from './what.ts'

export function entryTable(entries: readonly Entry[], { to, width }: Canvas, name: NamePeers): string {
  if (entries.length === 0) return 'no entries'
  return table(
    entries,
    [
      { title: 'SEQ', text: ({ sequence }) => String(sequence) },
      { title: 'AT (UTC)', text: ({ at }) => moment(at) },
      { title: 'ACTION', text: ({ action }) => action, colour: ({ action }) => colourOf(action, to) },
      { title: 'BY', text: (entry) => name(actorOf(entry)) || '-' },
      { title: 'ABOUT', text: ({ resource }) => name(aboutOf(resource)) || '-' },
      { title: 'WHAT', text: (entry) => name(whatOf(entry)) },
    ],
    to,
    width,
  )
}

/** One entry as one line, for a log that is followed. */
export function entryLine(entry: Entry, { to }: Canvas, name: NamePeers): string {
  const { sequence, at, action, resource } = entry
  const about = resource === '' ? '' : ` ${name(aboutOf(resource))}`
  return [
    to.dim(String(sequence).padStart(6)),
    to.dim(moment(at)),
    colourOf(action, to)(harmless(action.padEnd(30))),
    harmless(`${name(actorOf(entry))}${about}: ${name(whatOf(entry))}`),
  ].join('  ')
}

const colourOf = (action: string, to: Canvas['to']): ((text: string) => string) =>
  action === 'federation.call.refused' || action.endsWith('fork_detected') ? to.bad : (text) => text

/** Who it was: the payload says it in full, as long as it is there. */
function actorOf(entry: Entry): string {
  const full = payloadOf(entry)?.['actor']
  return typeof full === 'string' && full !== '' ? full : entry.actor
}

/** A call for all of a kind names no id. */
const aboutOf = (resource: string): string => resource.replace(/\/$/, ' (all)')

function whatOf(entry: Entry): string {
  const payload = payloadOf(entry)
  const state = payloadState(entry)
  if (entry.erased) return `erased by ${entry.erased.actor}: ${entry.erased.reason}`
  if (state === 'altered') return 'the payload is not the one that was hashed'
  if (!payload) return state === 'withheld' ? 'not disclosed' : '-'
  const { actor: _said, ...rest } = payload
  return entry.direction === '' ? what(rest) : callOf(entry, rest)
}

/** A call in a few words: which way, what came of it, and why. */
function callOf({ direction }: Entry, payload: Readonly<Record<string, unknown>>): string {
  const word = (key: string) => (typeof payload[key] === 'string' ? payload[key] : '')
  const way = direction === 'out' ? 'we called' : 'they called'
  return [way, word('scope'), word('reason'), word('detail')].filter(Boolean).join(', ')
}

/** Everything about one entry, and whether its payload is the one that was hashed. */
export function entrySheet(log: string, entry: Entry, canvas: Canvas, name: NamePeers): string {
  const { to } = canvas
  const state = payloadState(entry)
  const facts = sheet(
    [
      ['log', name(log), to.bold],
      ['sequence', String(entry.sequence)],
      ['action', entry.action, to.bold],
      ['at', `${moment(entry.at)} UTC`],
      ['by', name(actorOf(entry))],
      ['direction', { in: 'in: they called us', out: 'out: we called them' }[entry.direction] ?? ''],
      ['about', name(aboutOf(entry.resource))],
      ['id', entry.id],
      ['decision', entry.decisionId],
      ['content id', entry.contentId],
      ['leaf', Buffer.from(entry.leaf).toString('utf8')],
      ['leaf hash', createHash('sha256').update('\0').update(entry.leaf).digest('hex')],
      ['payload', STATE_WORDS[state], state === 'altered' ? to.bad : undefined],
      ['erased', erasureOf(entry)],
    ],
    to,
  )
  const payload = payloadOf(entry)
  const { actor: _said, ...rest } = payload ?? {}
  const body = payload ? harmless(JSON.stringify(rest, null, 2)) : ''
  return [facts, body, canvas.paste(`next  fedctl audit prove ${name(log)}/${entry.sequence}`)]
    .filter((part) => part !== '')
    .join('\n\n')
}

const STATE_WORDS: Readonly<Record<ReturnType<typeof payloadState>, string>> = {
  none: '',
  erased: 'erased; the hash in the leaf stays, and every proof with it',
  withheld: 'not disclosed to us',
  'as hashed': 'as hashed into the tree',
  altered: 'NOT the one that was hashed into the tree',
}

function erasureOf({ erased }: Entry): string {
  if (!erased) return ''
  const { at, actor, reason, recordedAt } = erased
  return `${moment(at)} UTC by ${actor}: ${reason} (entry ${recordedAt} says so)`
}
