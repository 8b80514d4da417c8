import type { VerifyLogResponse } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Session } from '../session.ts'
import { present } from '../written.ts'

/** A log of a million entries takes its time, and says how far it has come. */
const PATIENCE_MS = 3_600_000

/** The service's own check of one log, from its first entry on. */
export async function checkByService(session: Session, log: string): Promise<VerifyLogResponse> {
  const progress = session.progress('checking')
  let last: VerifyLogResponse | undefined
  try {
    const options = { signal: session.signal, timeoutMs: PATIENCE_MS }
    for await (const message of session.clients.ledger.verifyLog({ log }, options)) {
      progress.at(Number(message.checked), Number(message.size))
      if (message.done) last = message
    }
  } finally {
    progress.end()
  }
  return present(last, 'a verdict')
}
