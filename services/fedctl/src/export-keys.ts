import type { GetLedgerKeysResponse, LogKey } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { EXIT } from './exit-codes.ts'
import { Problem } from './problem.ts'

export type ExportKeys = {
  readonly origin: string
  /** One vkey a line: the log's first, then who witnesses it. */
  readonly vkeys: string
  /** C2SP tlog-policy: signed by the log, and cosigned by the other side where there is one. */
  readonly policy: string
}

const BEWARE = `# As this platform says. Whoever checks what another one exported takes its keys from there, by another way.
`

/** The keys that a log is checked with: our own about a peer, or the peer's about us. */
export function keysOfExport(
  keys: GetLedgerKeysResponse,
  { log, mirror }: { readonly log: string; readonly mirror: boolean },
): ExportKeys {
  const of = (list: readonly LogKey[]) => list.find((key) => key.log === log)
  const { origin = '', vkey: logVkey = '' } = of(mirror ? keys.peerLogs : keys.logs) ?? {}
  if (logVkey === '') throw withoutKeys(log, mirror)
  // A mirror is held by the witness itself: its cosignature would say no more.
  const witness = mirror ? undefined : of(keys.peerWitnesses)?.vkey
  if (!witness) return { origin, vkeys: `${logVkey}\n`, policy: `${BEWARE}log ${logVkey}\nquorum none\n` }
  return {
    origin,
    vkeys: `${logVkey}\n${witness}\n`,
    policy: `${BEWARE}log ${logVkey}\nwitness other-side ${witness}\nquorum other-side\n`,
  }
}

function withoutKeys(log: string, mirror: boolean): Problem {
  return new Problem({
    reason: 'LEDGER_KEYS_UNKNOWN',
    message: mirror
      ? 'the peer has not said yet with which key it signs its log about us'
      : `nobody has written to the log ${log} yet`,
    next: 'fedctl audit status',
    exitCode: EXIT.refusedByPolicy,
  })
}
