import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { Command, Option } from '@commander-js/extra-typings'
import { NoticeSchema, type Notice } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { noticeSheet } from '../render/notices.ts'
import { plural } from '../render/words.ts'
import { resolvePeer } from '../resolve-peer.ts'
import type { Session } from '../session.ts'
import { collect, listed, since } from '../values.ts'
import { isWaiting, until } from '../wait.ts'
import { wholeNotice } from '../whole-notice.ts'
import { present, written } from '../written.ts'

export const noticeDeclare = (run: Run) =>
  new Command('declare')
    .description('tell our partners that we were compromised: signed, and tried until each has signed for it')
    .argument('<summary>', 'what happened, in a sentence for their operators')
    .addOption(
      new Option('--affected <words>', 'what is affected: keys, grants, audit, data …; by commas').argParser(listed),
    )
    .option('--advice <text>', 'what they should do', '')
    .option('--discovered <time>', 'when we found out: 2026-11-21T14:00:00Z, or 2h ago as 2h (default: now)')
    .addOption(
      new Option('--peer <peer>', 'only this one; can be repeated')
        .argParser(collect)
        .default([] as string[], 'every partner that is not revoked'),
    )
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, summary, { affected = [], advice, discovered, peer, ...options }) => {
        const named = await Promise.all(peer.map((one) => resolvePeer(session, one)))
        const whom = named.length > 0 ? plural(named.length, 'partner') : 'every partner'
        if (!options.dryRun) await session.confirm(`Tell ${whom} that we were compromised?`)
        const answer = await session.clients.notices.declareCompromise({
          summary,
          affected,
          advice,
          peerIds: named.map(({ id }) => id),
          ...(discovered !== undefined && { discoveredAt: timestampFromDate(since(discovered, session.clock.now())) }),
          dryRun: options.dryRun === true,
        })
        const declared = present(answer.notice, 'a notice')
        const notice = options.dryRun ? declared : await followed(session, declared, options.wait)
        return written({
          dryRun: options.dryRun,
          data: { notice: plain(NoticeSchema, notice) },
          text: (canvas) => noticeSheet(notice, canvas),
          openItems: notice.deliveries
            .filter(({ status }) => status === 'given_up')
            .map(({ peerName, peerId, lastError }) => `${peerName || peerId}: ${lastError}`),
        })
      }),
    )

/** As it stands now; with --wait when nobody is owed it any more: told, or given up with a reason. */
async function followed(session: Session, { id }: Notice, wait: number | true | undefined): Promise<Notice> {
  const look = () => wholeNotice(session.clients, id)
  if (!isWaiting(wait)) return look()
  return until(session, {
    ms: wait,
    look,
    judge: ({ owed }) => (owed === 0 ? 'done' : 'not yet'),
    missing: ({ owed }) => ({
      message: `${plural(owed, 'partner')} have not heard it; it goes on being told`,
      next: `fedctl notice show ${id}`,
    }),
  })
}
