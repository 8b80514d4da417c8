import { Command } from '@commander-js/extra-typings'
import { AlarmSchema } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { dryRun, ofPeer, wait } from '../options.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { alarmSheet, alarmTable } from '../render/alarms.ts'
import type { Session } from '../session.ts'
import { present, written } from '../written.ts'

export const auditAlarms = (run: Run) =>
  new Command('alarms')
    .description('forks, rollbacks and bad signatures that were found, with the signed notes that show them')
    .argument('[alarm]', 'its id: this one with all its evidence')
    .addOption(ofPeer())
    .option('--all', 'also those that were settled')
    .option('--settle <id>', 'say that you have looked into it; with --note')
    .option('--note <text>', 'what came of it; stands in the log')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, id, { peer, all, settle: settled, note, dryRun: isDryRun }) => {
        if ((settled === undefined) !== (note === undefined))
          throw usage('settling needs both', 'fedctl audit alarms --settle <id> --note "what came of it"')
        const { alarms } = await session.clients.ledger.listAlarms({
          peerId: await peerIdOf(session, peer),
          openOnly: id === undefined && settled === undefined && !all,
        })
        const name = await namePeers(session)
        const wanted = settled ?? id
        const one = alarms.find((alarm) => alarm.id === wanted?.toLowerCase())
        if (wanted === undefined)
          return {
            data: { alarms: alarms.map((alarm) => plain(AlarmSchema, alarm)) },
            text: (canvas) => alarmTable(alarms, canvas, name),
            exit: alarms.some(({ settledAt }) => !settledAt) ? EXIT.doneWithOpenItems : EXIT.done,
          }
        if (!one) throw usage(`there is no alarm "${wanted}"`, 'fedctl audit alarms --all')
        const alarm = settled === undefined || isDryRun ? one : await settle(session, one.id, note ?? '')
        return written({
          dryRun: isDryRun,
          data: { alarm: plain(AlarmSchema, alarm) },
          text: (canvas) => alarmSheet(alarm, canvas, name),
        })
      }),
    )

async function settle(session: Session, id: string, note: string) {
  await session.confirm('Settle it? The log goes on as it stands now; the evidence is kept.')
  return present((await session.clients.ledger.settleAlarm({ id, note })).alarm, 'an alarm')
}
