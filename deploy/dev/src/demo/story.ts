import { type Platform } from '../platform.ts'
import { type Stage } from './start.ts'

/** What the demo can show. Platforms that it started are in `started`, also when it failed: they are stopped afterwards. */
export type Story = {
  readonly title: string
  /** Said when it stays up. */
  readonly remark: string
  tell(stage: Stage, started: Platform[]): Promise<Told>
  /** What stands in the verdict when not even the data could be had. */
  readonly blank: object
}

export type Told = {
  /** Why it did not get to its end; undefined when it did. */
  readonly failure: unknown
  /** For --json: what came of it. */
  readonly verdict: () => Promise<object>
}
