import type { JsonObject } from '@bufbuild/protobuf'
import { Refusal } from '@powernode/rpc'

export const DIRECTIONS = ['push_local_to_remote', 'pull_remote_to_local', 'bidirectional', 'migration_only'] as const
export const POLICIES = ['manual', 'auto_on_change', 'auto_periodic', 'on_match_filter'] as const
export const RESOLUTIONS = ['newer_wins_logical_clock', 'local_wins', 'remote_wins', 'prompt'] as const

/** How resources of a kind travel between a peer and us. */
export type Capability = {
  readonly peerId: string
  readonly resourceKind: string
  readonly direction: (typeof DIRECTIONS)[number]
  readonly policy: (typeof POLICIES)[number]
  readonly conflictResolution: (typeof RESOLUTIONS)[number]
  readonly filter: JsonObject
  readonly setBy: string
  readonly setAt: Date
}

const KIND = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/

/** A capability of what was said; what is left out is what facts call the default. */
export function readCapability(said: {
  readonly peerId: string
  readonly resourceKind: string
  readonly direction: string
  readonly policy: string
  readonly conflictResolution: string
  readonly filter: JsonObject
  readonly setBy: string
  readonly setAt: Date
}): Capability {
  if (!KIND.test(said.resourceKind)) throw new Refusal('REQUEST_INVALID', `${said.resourceKind} is no kind of resource`)
  const policy = oneOf('policy', POLICIES, said.policy || 'manual')
  if (policy === 'on_match_filter' && Object.keys(said.filter).length === 0)
    throw new Refusal('REQUEST_INVALID', 'policy on_match_filter needs a filter', { next: 'say what has to match' })
  return {
    ...said,
    direction: oneOf('direction', DIRECTIONS, said.direction),
    policy,
    conflictResolution: oneOf(
      'conflict_resolution',
      RESOLUTIONS,
      said.conflictResolution || 'newer_wins_logical_clock',
    ),
  }
}

function oneOf<Word extends string>(name: string, words: readonly Word[], said: string): Word {
  const word = words.find((one) => one === said)
  if (word) return word
  throw new Refusal('REQUEST_INVALID', `${name} is one of ${words.join(', ')}`, { metadata: { field: name } })
}
