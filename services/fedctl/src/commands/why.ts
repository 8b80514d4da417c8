import { Command } from '@commander-js/extra-typings'
import { DecisionSchema } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import {
  CheckGrantResponseSchema,
  type CheckGrantResponse,
  type GrantVerdict,
} from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { oneScope } from '../options.ts'
import type { Canvas, Outcome } from '../output.ts'
import { needed } from '../peer-choice.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { explanationText } from '../render/explanation.ts'
import { verdictTable } from '../render/grants.ts'
import { resolvePeer } from '../resolve-peer.ts'
import type { Session } from '../session.ts'
import { endsOfRange } from '../why/ends-of-range.ts'
import { explain } from '../why/explanation.ts'
import { findCase } from '../why/find-case.ts'

const HOW = 'fedctl why <decision-id>, or fedctl why --peer <peer> --kind <kind> --scope read'

export const why = (run: Run) =>
  new Command('why')
    .description('why a call across the border was allowed or refused; or with --peer whether one would be')
    .argument('[decision]', 'its id: ours, or the one the other side gave to the same call')
    .option('--peer <peer>', 'instead: would a call of this peer be allowed')
    .option('--kind <kind>', 'for which kind of resource', '')
    .option('--id <id>', 'for which one of the kind (default: all)', '')
    .addOption(oneScope().default('read' as const))
    .option('--node <id>', "from which of the peer's nodes", '')
    .option('--network <id>', 'over which of our networks', '')
    .option('--from <address>', 'from which address, or range of addresses', '')
    .action(
      run(async (session, decision, options) => {
        if ((decision === undefined) === (options.peer === undefined))
          throw usage('either a decision that was made, or --peer for one that would be', HOW)
        return decision === undefined ? wouldBe(session, options) : was(session, decision)
      }),
    )

/** Why a call went as it did. */
async function was(session: Session, decisionId: string): Promise<Outcome> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(decisionId))
    throw usage(`"${decisionId}" is no id of a decision`, HOW)
  const found = await findCase(session, decisionId.toLowerCase())
  const explanation = explain(found)
  const { askThem, ...story } = explanation
  return {
    data: {
      decision: plain(DecisionSchema, found.decision),
      explanation: { ...story, ask_them: askThem },
      ledger: found.place ? { log: found.place.log, sequence: Number(found.place.sequence) } : null,
    },
    text: (canvas) => explanationText(found, explanation, canvas),
  }
}

type Asked = {
  readonly peer?: string | undefined
  readonly kind: string
  readonly id: string
  readonly scope: string
  readonly node: string
  readonly network: string
  readonly from: string
}

/** What would be decided about a call, grant by grant. */
async function wouldBe(session: Session, asked: Asked): Promise<Outcome> {
  if (asked.kind === '') throw usage('for which kind of resource?', HOW)
  const { id: peerId, name } = await resolvePeer(session, needed(asked.peer, HOW))
  const addresses = asked.from === '' ? [''] : endsOfRange(asked.from)
  const answers = await Promise.all(
    addresses.map(async (sourceAddress) => ({
      from: sourceAddress,
      answer: await session.clients.grants.checkGrant({
        peerId,
        resourceKind: asked.kind,
        resourceId: asked.id,
        scope: asked.scope,
        nodeInstanceId: asked.node,
        sdwanNetworkId: asked.network,
        sourceAddress,
      }),
    })),
  )
  const allowed = allowedThroughout(answers.map(({ answer }) => answer))
  return {
    data: {
      allowed,
      checks: answers.map(({ from, answer }) => ({ from, ...plain(CheckGrantResponseSchema, answer) })),
    },
    text: (canvas) =>
      [
        headline({ allowed, whom: name || peerId, asked }, canvas),
        ...answers.map(({ from, answer }) => answerText(from, answer.verdicts, canvas)),
      ].join('\n\n'),
  }
}

/** A range is allowed when one and the same grant lets in both of its ends. */
function allowedThroughout(answers: readonly CheckGrantResponse[]): boolean {
  const [first, ...others] = answers.map(({ verdicts }) =>
    verdicts.filter((verdict) => verdict.allowed).map(({ grantId }) => grantId),
  )
  return (first ?? []).some((grantId) => others.every((ids) => ids.includes(grantId)))
}

type Head = { readonly allowed: boolean; readonly whom: string; readonly asked: Asked }

function headline({ allowed, whom, asked }: Head, { to, paste }: Canvas): string {
  const what = `${whom} ${allowed ? 'may' : 'may not'} ${asked.scope} ${asked.kind} ${asked.id || '(all)'}`
  const from = asked.from && ` from ${asked.from}`
  if (allowed) return to.good(`${what}${from}`)
  const one = asked.id && ` --id ${asked.id}`
  const next = paste(
    `fedctl grant update, or fedctl grant create ${whom} --kind ${asked.kind}${one} --scope ${asked.scope}`,
  )
  return `${to.bad(`${what}${from}`)}\nnext  widen a grant that nearly fits, or give one: ${next}`
}

function answerText(from: string, verdicts: readonly GrantVerdict[], canvas: Canvas): string {
  const said = verdicts.length > 0 ? verdictTable(verdicts, canvas) : 'no grant of this peer could be meant'
  return from === '' ? said : `${canvas.to.bold(`From ${from}`)}\n${said}`
}
