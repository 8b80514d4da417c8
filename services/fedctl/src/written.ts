import { EnforcementSchema, type Enforcement } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import { EXIT } from './exit-codes.ts'
import type { Canvas, Outcome } from './output.ts'
import { plain } from './plain.ts'
import { DRY_RUN } from './render/changed.ts'

type Written = {
  readonly dryRun: boolean | undefined
  readonly data: Readonly<Record<string, unknown>>
  readonly text: (canvas: Canvas) => string
  /** What is left to do though it was done: exit 3. */
  readonly openItems?: readonly string[]
}

/** The outcome of a write: what there is now, or would be. */
export function written({ dryRun, data, text, openItems = [] }: Written): Outcome {
  return {
    data: { dry_run: dryRun === true, ...data },
    text: (canvas) =>
      [
        dryRun ? canvas.to.warn(DRY_RUN) : '',
        text(canvas),
        openItems.map((item) => canvas.to.warn(`open  ${canvas.paste(item)}`)).join('\n'),
      ]
        .filter((part) => part !== '')
        .join('\n\n'),
    exit: openItems.length > 0 && !dryRun ? EXIT.doneWithOpenItems : EXIT.done,
  }
}

/** What a service MUST put into its answer. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the service answered without ${what}`)
  return value
}

/** How everybody came to know of what was taken away, for programs; null when nothing was. */
export const plainEnforcement = (enforcement: Enforcement | undefined) =>
  enforcement ? plain(EnforcementSchema, enforcement) : null
