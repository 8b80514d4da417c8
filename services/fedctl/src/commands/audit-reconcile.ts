import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import {
  DifferenceSchema,
  ReconcileSummarySchema,
  type Difference,
  type ReconcileResponse,
  type ReconcileSummary,
} from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { peer } from '../options.ts'
import { plain } from '../plain.ts'
import { reconciliationText } from '../render/reconciliation.ts'
import { resolvePeer } from '../resolve-peer.ts'
import type { Session } from '../session.ts'
import { since } from '../values.ts'
import { present } from '../written.ts'

export const auditReconcile = (run: Run) =>
  new Command('reconcile')
    .description('compare our log about a peer with its log about us, call by call')
    .addArgument(peer())
    .option('--since <time>', '2026-11-21T14:00:00Z, or 15m (default: 90 days)')
    .option('--until <time>', '2026-11-21T15:00:00Z, or 5m')
    .action(
      run(async (session, named, options) => {
        const { id, name } = await resolvePeer(session, named)
        const now = session.clock.now()
        const at = (text: string) => timestampFromDate(since(text, now))
        const said = session.clients.ledger.reconcile(
          {
            peerId: id,
            ...(options.since !== undefined && { since: at(options.since) }),
            ...(options.until !== undefined && { until: at(options.until) }),
          },
          { signal: session.signal, timeoutMs: PATIENCE_MS },
        )
        const { differences, summary } = await gathered(session, said)
        return {
          data: {
            peer_id: id,
            differences: differences.map((difference) => plain(DifferenceSchema, difference)),
            summary: plain(ReconcileSummarySchema, summary),
          },
          text: (canvas) => reconciliationText({ peer: name || id, differences, summary }, canvas),
          exit: differences.length > 0 ? EXIT.differences : EXIT.done,
        }
      }),
    )

/** A long log takes its time, and says how far it has come. */
const PATIENCE_MS = 3_600_000

type Gathered = { readonly differences: readonly Difference[]; readonly summary: ReconcileSummary }

async function gathered(session: Session, said: AsyncIterable<ReconcileResponse>): Promise<Gathered> {
  const differences: Difference[] = []
  let summary: ReconcileSummary | undefined
  const progress = session.progress('comparing')
  try {
    for await (const message of said) {
      differences.push(...message.differences)
      summary = message.summary ?? summary
      progress.at(Number(message.compared), Number(message.of))
    }
  } finally {
    progress.end()
  }
  return { differences, summary: present(summary, 'a summary') }
}
