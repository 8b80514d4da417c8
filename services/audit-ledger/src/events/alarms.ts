import { create } from '@bufbuild/protobuf'
import { append } from '@powernode/events'
import { AlarmSettledSchema, ForkDetectedSchema } from '@powernode/proto/powernode/audit/v1/events_pb.ts'
import type { Alarm } from '../alarm.ts'
import type { LedgerTx } from '../store/tables.ts'

const US = 'service/audit-ledger'

/** fed.audit.fork_detected.<alarm id>: two truths about one log. */
export async function forkDetected(tx: LedgerTx, { id, peerId, whose, kind, detail, at }: Alarm): Promise<void> {
  const payload = create(ForkDetectedSchema, { peerId, alarmId: id, whose, kind, detail })
  await append(tx, { noun: 'audit', word: 'fork_detected', id, severity: 'critical', peerId, actor: US, at, payload })
}

/** fed.audit.alarm_settled.<alarm id>: an operator has looked into it. */
export async function alarmSettled(
  tx: LedgerTx,
  { id, peerId }: Alarm,
  { actor, note, at }: { readonly actor: string; readonly note: string; readonly at: Date },
): Promise<void> {
  const payload = create(AlarmSettledSchema, { peerId, alarmId: id, note })
  await append(tx, { noun: 'audit', word: 'alarm_settled', id, severity: 'medium', peerId, actor, at, payload })
}
