import type { Clock } from '@powernode/clock'
import type { Clients } from './client.ts'
import type { Context } from './context.ts'
import type { Environment } from './environment.ts'
import type { Outcome } from './output.ts'
import type { Progress } from './progress.ts'

/** What a command works with that needs no platform: a clock, a machine, and a way to be interrupted. */
export type Alone = {
  readonly clock: Clock
  readonly env: Environment
  readonly signal: AbortSignal
  /** Asks before something that cannot be undone; throws when the answer is no. */
  readonly confirm: (question: string) => Promise<void>
  /** For commands that go on: prints one item at once. */
  readonly emit: (item: Outcome) => void
  /** Shows how far something long has come; silent where nobody looks. */
  readonly progress: (what: string) => Progress
}

/** The same, and the services of one platform to talk to. */
export type Session = Alone & { readonly context: Context; readonly clients: Clients }
