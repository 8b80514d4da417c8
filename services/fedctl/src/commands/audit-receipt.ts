import { relative, resolve } from 'node:path'
import { Command } from '@commander-js/extra-typings'
import { parseVkey, type Verifier } from '@powernode/tlog'
import { callHeaders } from '../bearer.ts'
import { plainEntry } from '../entries.ts'
import { entryOfLeaf } from '../excerpt.ts'
import { EXIT } from '../exit-codes.ts'
import { place } from '../exported-log.ts'
import type { Run } from '../invoke.ts'
import { peer, proofFile } from '../options.ts'
import { Problem, usage } from '../problem.ts'
import { proofWithLeaf } from '../proof-with-leaf.ts'
import { proofText } from '../render/proof.ts'
import { resolvePeer } from '../resolve-peer.ts'
import type { Session } from '../session.ts'
import { damage } from '../verify/damage.ts'
import { verifyProof } from '../verify/proof-file.ts'

export const auditReceipt = (run: Run) =>
  new Command('receipt')
    .description("a peer's proof that it has written down a call of ours; checked before it is shown")
    .addArgument(peer())
    .argument('<decision>', 'the decision about the call: ours, or theirs')
    .addOption(proofFile())
    .action(
      run(async (session, named, decision, { out }) => {
        const { id, name } = await resolvePeer(session, named)
        const decisionId = await theirDecision(session, decision)
        const headers = callHeaders(id, {}, session.env)
        const { proof: bare, leaf } = await session.clients.border.getReceipt({ decisionId }, headers)
        check(bare, leaf, { verifiers: await verifiersFor(session, id), decisionId, peer: name || id })
        const proof = proofWithLeaf(bare, leaf)
        const entry = entryOfLeaf({ leaf })
        const file = out === undefined ? undefined : resolve(session.env.cwd, out)
        if (file !== undefined) place(file, proof.text)
        return {
          data: {
            file: file ?? null,
            origin: proof.checkpoint.origin,
            index: proof.index,
            size: proof.checkpoint.size,
            signatures: proof.signatures,
            entry: plainEntry(entry),
            ...(file === undefined && { proof: proof.text }),
          },
          text: (canvas) =>
            file === undefined ? proof.text : proofText(proof, relative(session.env.cwd, file), canvas),
        }
      }),
    )

/** The other side knows a call by its own id of the decision. Ours leads to it, where it is ours. */
async function theirDecision({ clients }: Session, text: string): Promise<string> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw usage(`"${text}" is no id of a decision`)
  const given = text.toLowerCase()
  try {
    const { decision } = await clients.ledger.getDecision({ decisionId: given })
    return decision?.id === given && decision.remoteDecisionId !== '' ? decision.remoteDecisionId : given
  } catch {
    return given // a decision of theirs that we never heard of: they will say whether it is one
  }
}

async function verifiersFor({ clients }: Session, peerId: string): Promise<Verifier[]> {
  const { peerLogs, witnessVkey } = await clients.ledger.getLedgerKeys({})
  const vkey = peerLogs.find(({ log }) => log === peerId)?.vkey
  if (!vkey)
    throw new Problem({
      reason: 'LEDGER_KEYS_UNKNOWN',
      message: 'the peer has not said yet with which key it signs its log about us',
      next: 'fedctl audit status',
      exitCode: EXIT.refusedByPolicy,
    })
  return [vkey, witnessVkey].filter((text) => text !== '').map(parseVkey)
}

type Around = { readonly verifiers: readonly Verifier[]; readonly decisionId: string; readonly peer: string }

/** A receipt is of this very call, or it is none: the proof of another entry would be as sound. */
function check(proof: string, leaf: Uint8Array, { verifiers, decisionId, peer: of }: Around): void {
  const verdict = verifyProof(proof, leaf, { verifiers, policy: undefined, trust: verifiers })
  const isOfThisCall = verdict.damage !== undefined || entryOfLeaf({ leaf }).decisionId === decisionId
  const flaw = verdict.damage ?? (isOfThisCall ? undefined : damage('not_proven', 'it is the proof of another entry'))
  if (!flaw) return
  throw new Problem({
    reason: 'RECEIPT_INVALID',
    message: `what ${of} sent proves nothing: ${flaw.words}`,
    next: 'fedctl audit alarms',
    exitCode: flaw.exit,
  })
}
