import { Code, ConnectError } from '@connectrpc/connect'
import { ChildSchema, type Child } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import { changedChild } from './changed-child.ts'
import type { Canvas, Outcome } from './output.ts'
import { plain } from './plain.ts'
import { DRY_RUN } from './render/changed.ts'
import { harmless } from './render/paint.ts'
import { moment } from './render/time.ts'
import type { Session } from './session.ts'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'

/** One step of a promotion or of the way back. */
type Taken = { readonly child?: Child | undefined; readonly step: string; readonly detail: string }

/** Shows each step of a change of primaries as it is taken; what is left at the end is where the member stands. */
export async function memberMoved(session: Session, steps: AsyncIterable<Taken>, isDryRun?: boolean): Promise<Outcome> {
  let last: Child | undefined
  if (isDryRun) session.emit({ data: { dry_run: true }, text: (canvas) => canvas.to.warn(DRY_RUN) })
  for await (const { child, step, detail } of steps) {
    last = child ?? last
    const data = { dry_run: isDryRun === true, step, detail, ...(child && { child: plain(ChildSchema, child) }) }
    session.emit({ data, text: (canvas) => stepText(session, step, detail, canvas) })
  }
  if (!last) throw new ConnectError('the service took no step', Code.Internal)
  return { ...changedChild(last), isItem: true }
}

function stepText({ clock }: Session, step: string, detail: string, { to }: Canvas): string {
  const at = moment(timestampFromDate(clock.now())).slice(-8)
  return `${to.dim(at)}  ${step.padEnd(13)}  ${harmless(detail)}`.trimEnd()
}
