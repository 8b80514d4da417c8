import type { Kept } from '@powernode/events'
import { entriesPath } from '@powernode/tlog'
import { segmentFiles, wholeNote, type Head, type Segment } from '../log-files.ts'

/** Where in a log a message of the stream belongs: which segment, and which part of its bundle. */
export type Where = { readonly position: number; readonly part: number; readonly parts: number }

export type Message = Where & {
  readonly id: string
  readonly headers: Readonly<Record<string, string>>
  readonly data: Uint8Array
}

/** A bundle above this goes into several messages: nats-server takes 1 MB at a time, and answers in base64. */
const PART_BYTES = 512 * 1_024

const ORIGIN = 'Ledger-Origin'
const SEGMENT = 'Ledger-Segment'
const PART = 'Ledger-Part'
const CHECKPOINT = 'Ledger-Checkpoint'

/** Under which all segments of one log stand, in their order. */
export const subjectOf = ({ name }: Pick<Head, 'name'>): string => `worm.${name}`

/**
 * A segment as messages: its entry bundle (C2SP tlog-tiles), and beside it the checkpoint that was signed over it, so that
 * the stream can be checked with keys alone. None of a segment that retention dropped.
 */
export function messagesOf(head: Head, segment: Segment): Message[] {
  const path = entriesPath(segment.position)
  const bundle = segmentFiles(segment).find((file) => file.path === path)?.content
  if (!bundle) return []
  const parts = Math.max(1, Math.ceil(bundle.length / PART_BYTES))
  return Array.from({ length: parts }, (_, part) => ({
    position: segment.position,
    part,
    parts,
    id: parts === 1 ? `${head.origin}/${path}` : `${head.origin}/${path}#${part}`,
    headers: {
      [ORIGIN]: head.origin,
      [SEGMENT]: String(segment.position),
      [PART]: `${part + 1}/${parts}`,
      [CHECKPOINT]: Buffer.from(wholeNote(head)).toString('base64'),
    },
    data: bundle.subarray(part * PART_BYTES, (part + 1) * PART_BYTES),
  }))
}

/** What a message says of itself; undefined when it is none of ours. */
export function whereOf({ header }: Kept, origin: string): Where | undefined {
  const position = Number(/^\d{1,15}$/.exec(header(SEGMENT))?.[0])
  const [, part, parts] = /^([1-9]\d{0,3})\/([1-9]\d{0,3})$/.exec(header(PART)) ?? []
  if (header(ORIGIN) !== origin || !Number.isSafeInteger(position) || part === undefined || parts === undefined)
    return undefined
  return Number(part) <= Number(parts) ? { position, part: Number(part) - 1, parts: Number(parts) } : undefined
}

/** The checkpoint that was signed over it, as it stands beside the segment. */
export const checkpointOf = ({ header }: Kept): string => Buffer.from(header(CHECKPOINT), 'base64').toString()

/** The one that has to follow. */
export function after({ position, part, parts }: Where): Pick<Where, 'position' | 'part'> {
  return part + 1 < parts ? { position, part: part + 1 } : { position: position + 1, part: 0 }
}
