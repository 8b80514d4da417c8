import type { Announcement } from '@powernode/events'

export const AT = new Date('2026-03-01T12:00:00.000Z')
export const PEER = '019f0000-0000-7000-8000-00000000beef'
export const ID = '019f0000-0000-7000-8000-000000000001'
export const LATER = new Date(AT.getTime() + 86_400_000)
export const DIGEST = Buffer.alloc(32, 1)

/** What a service says: made by a function of its `events`, which queues it itself (in whatever schema), or returns it to be queued. */
export type Made = (tx: never) => Promise<unknown> | Announcement | readonly Announcement[]

/** By file of a service, and by function of it. */
export type News = Readonly<Record<string, Readonly<Record<string, Made>>>>

/** One row for each function of a module that makes news; the compiler asks for it. */
export function saying<M extends object>(
  _module: M,
  rows: Record<{ [K in keyof M]: M[K] extends (...args: never[]) => unknown ? K : never }[keyof M] & string, Made>,
): Readonly<Record<string, Made>> {
  return rows
}

export const BY = { actor: 'operator/alice', requestId: 'request-1' }
export const CAUSE = { actor: 'operator/alice', correlationId: 'request-1', traceparent: '' }
export const ASKED = { actor: 'operator/alice', requestId: 'request-1', traceparent: '' }
