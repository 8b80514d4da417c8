import { ChildSchema, type Child } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Canvas, Outcome } from './output.ts'
import { plain } from './plain.ts'
import { childLines } from './render/children.ts'
import { present, written } from './written.ts'

type More = {
  readonly dryRun?: boolean | undefined
  readonly data?: Readonly<Record<string, unknown>>
  readonly text?: (canvas: Canvas) => string
}

/** The outcome of a write to a child: where it stands now. */
export function changedChild(answered: Child | undefined, { dryRun, data, text }: More = {}): Outcome {
  const child = present(answered, 'a child')
  return written({
    dryRun,
    data: { child: plain(ChildSchema, child), ...data },
    text: (canvas) => [childLines(child, canvas), text?.(canvas) ?? ''].filter((part) => part !== '').join('\n\n'),
  })
}
