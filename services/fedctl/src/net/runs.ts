import { RunSchema, type Run } from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Outcome } from '../output.ts'
import { plain } from '../plain.ts'
import { runText } from '../render/net-runs.ts'
import type { Session } from '../session.ts'
import { isWaiting, until } from '../wait.ts'
import { present, written } from '../written.ts'
import type { WriteOptions } from './change.ts'
import { namesFor } from './names-in.ts'

/** A run is driven by whoever asked for it as far as it gets in this time; then it goes on by itself. */
export const DRIVEN = { timeoutMs: 60_000 } as const

const OVER: readonly string[] = ['planned', 'done', 'partial', 'failed', 'rolled_back']

/** A run of a skill as it stands; with --wait at its end. What failed is left open: exit 3. */
export async function ranOutcome(session: Session, begun: Run, { dryRun, wait }: WriteOptions): Promise<Outcome> {
  const run = isWaiting(wait) && !dryRun ? await untilOver(session, begun.id, wait) : begun
  const nameOf = await namesFor(session, [...run.plannedActions, ...(run.plan?.warnings ?? [])])
  const outcome = written({
    dryRun: dryRun === true || run.dryRun,
    data: { run: plain(RunSchema, run) },
    text: (canvas) => runText(run, canvas, nameOf),
  })
  return { ...outcome, exit: run.failures.length > 0 ? EXIT.doneWithOpenItems : EXIT.done }
}

async function untilOver(session: Session, runId: string, ms: number): Promise<Run> {
  return until(session, {
    ms,
    look: async () => present((await session.clients.network.getRun({ runId })).run, 'a run'),
    judge: ({ state }) => (OVER.includes(state) ? 'done' : 'not yet'),
    missing: ({ state }) => ({ message: `the run is ${state}; it goes on`, next: `fedctl net run show ${runId}` }),
  })
}
