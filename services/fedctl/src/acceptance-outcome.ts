import { AcceptanceRunSchema, type AcceptanceRun } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Outcome } from './output.ts'
import { plain } from './plain.ts'
import { acceptanceText } from './render/acceptances.ts'
import type { Session } from './session.ts'
import { isWaiting, until } from './wait.ts'
import { present, written } from './written.ts'

type Options = { readonly dryRun?: boolean | undefined; readonly wait?: number | true | undefined }

/** An acceptance as it stands; with --wait at its end. A soft step that is not done is left open: exit 3. */
export async function acceptanceOutcome(
  session: Session,
  begun: AcceptanceRun,
  { dryRun = false, wait }: Options,
): Promise<Outcome> {
  const run = isWaiting(wait) && !dryRun ? await untilOver(session, begun.id, wait) : begun
  const outcome = written({
    dryRun,
    data: { acceptance: plain(AcceptanceRunSchema, run) },
    text: (canvas) => acceptanceText(run, canvas),
  })
  return { ...outcome, exit: exitOf(run) }
}

const untilOver = (session: Session, id: string, ms: number): Promise<AcceptanceRun> =>
  until(session, {
    ms,
    look: async () => present((await session.clients.acceptance.getAcceptance({ id })).run, 'an acceptance'),
    judge: ({ state }) => (state === 'running' ? 'not yet' : 'done'),
    missing: ({ steps }) => {
      const step = steps.find(({ status }) => status === 'running' || status === 'waiting')
      return {
        message: `it is at ${step?.name ?? 'its end'}${step?.detail ? `: ${step.detail}` : ''}; it goes on`,
        next: `fedctl acceptance show ${id}`,
      }
    },
  })

function exitOf({ state, failure }: AcceptanceRun): ExitCode {
  if (state === 'warned') return EXIT.doneWithOpenItems
  if (state !== 'failed') return EXIT.done
  return failure.includes('the other side refused') ? EXIT.otherSideRefused : EXIT.refusedByPolicy
}
