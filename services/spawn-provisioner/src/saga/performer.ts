import type { Logger } from '@powernode/process'
import type { Made } from '../operations/take-step.ts'
import type { Spawn } from '../operations/read-spawn.ts'
import type { OpenProviders } from '../instances/open-providers.ts'
import type { ReplicationArea } from '../replication/replication.ts'
import type { SpawnDeps } from '../spawn-deps.ts'
import type { Tokens } from './tokens.ts'

/** What those who make children stand on. */
export type SagaDeps = SpawnDeps & {
  readonly providers: OpenProviders
  readonly replication: ReplicationArea
  readonly tokens: Tokens
  readonly logger: Logger
}

/**
 * How one step is done. Both MUST be safe to repeat, also after a crash in their midst: what they did is looked for before
 * it is done again.
 */
export type Performer = {
  /** Does it; or looks whether it is done, and answers undefined: not yet. */
  readonly perform: (deps: SagaDeps, spawn: Spawn, signal: AbortSignal) => Promise<Made | undefined>
  /** Takes it back, also if it was never done: returns when nothing of it is left. Steps without one leave nothing. */
  readonly undo?: (deps: SagaDeps, spawn: Spawn, signal: AbortSignal) => Promise<string>
}

/** It will never be done: the spawn has failed. The message says why, and who must act. */
export class SpawnFailed extends Error {
  override readonly name = 'SpawnFailed'
}

/** Somebody else ended the peering, and the spawn with it. */
export class SpawnEnded extends Error {
  override readonly name = 'SpawnEnded'
}
