import type { Clock } from '@powernode/clock'
import type { Tx } from '@powernode/postgres'
import type { Event } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import type { JsMsg } from 'nats'
import { newestSignature } from './inbox.ts'
import { Unverified, type Verdict } from './judge.ts'
import { SIGNATURE_HEADER } from './signature.ts'
import type { SigningIdentity } from './signing-identity.ts'
import { sourceAt, STREAMS } from './streams.ts'
import type { RawSubscription } from './subscription.ts'

type Judges = { readonly bus: { identity(): SigningIdentity }; readonly clock: Clock }
type Row = Pick<RawSubscription<never>, 'stream' | 'subject'>

/**
 * A certificate that has ended may still vouch for what waited in the stream, but not once we have heard what was signed so
 * much later: then nothing of before waits any more, and who still signs with that key has stolen it. The time is for replicas
 * whose clocks differ, and for events that met faults.
 */
const OUTLIVED_MS = 3_600_000

/** Who owns the subject MUST have signed it, and the subject MUST be one that this row asked for: NATS decides neither. */
export function verify({ bus, clock }: Judges, row: Row, msg: JsMsg): Verdict {
  const { source: owner } = STREAMS[row.stream]
  if (sourceAt(msg.subject) !== owner || !isOn(row.subject, msg.subject))
    throw new Unverified('SUBJECT_WRONG', 'it came on a subject that is not heard here')
  const signature = msg.headers?.get(SIGNATURE_HEADER) ?? ''
  return bus.identity().judge({ subject: msg.subject, data: msg.data, signature, owner }, clock.now())
}

/** Whether a subject matches what was asked for, in which `*` stands for any one word. */
function isOn(wanted: string | undefined, subject: string): boolean {
  if (wanted === undefined) return true
  const words = subject.split('.')
  const asked = wanted.split('.')
  return asked.length === words.length && asked.every((word, at) => word === '*' || word === words[at])
}

/** The event, if the one who signed it speaks in his own name. */
export function ownEvent(event: Event, { stream }: Row): Event {
  if (event.source === STREAMS[stream].source) return event
  throw new Unverified('SIGNER_NOT_OWNER', `it says that ${event.source.slice(0, 64)} announces it`)
}

/** MUST be asked in the transaction of the receipt, after it was written. */
export async function refuseOutlived<DB>(
  tx: Tx<DB>,
  { signedAt, ended }: Verdict,
  { consumer, eventId }: { readonly consumer: string; readonly eventId: string },
): Promise<void> {
  if (!ended) return
  const newest = await newestSignature(tx, consumer, eventId)
  if (newest && newest.getTime() - signedAt.getTime() > OUTLIVED_MS)
    throw new Unverified(
      'SIGNER_OUTLIVED',
      `its certificate has ended, and news signed ${newest.toISOString()} is here`,
    )
}
