import type { GetLedgerKeysResponse } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { harmless } from './paint.ts'
import { table } from './table.ts'

/** Verification keys (C2SP vkey), and what each is for. */
export function keysText(keys: GetLedgerKeysResponse, { to }: Canvas, name: NamePeers): string {
  const rows = [
    ...keys.logs.map(({ log, vkey }) => ({ what: 'our log', of: name(log), vkey })),
    ...(keys.witnessVkey === '' ? [] : [{ what: 'our witness', of: 'peers’ logs about us', vkey: keys.witnessVkey }]),
    ...keys.peerLogs.map(({ log, vkey }) => ({ what: 'their log', of: name(log), vkey })),
    ...keys.peerWitnesses.map(({ log, vkey }) => ({ what: 'their witness', of: name(log), vkey })),
  ]
  if (rows.length === 0) return 'no log has been opened yet'
  return table(
    rows,
    [
      { title: 'KEY', text: ({ what }) => what },
      { title: 'OF', text: ({ of }) => of },
      { title: 'VKEY', text: ({ vkey }) => vkey },
    ],
    to, // never cut: a key that is not whole is of no use
  )
}

/** Only the keys, one a line. */
export const vkeyLines = ({ logs, witnessVkey, peerLogs, peerWitnesses }: GetLedgerKeysResponse): string =>
  [...logs.map(({ vkey }) => vkey), witnessVkey, ...[...peerLogs, ...peerWitnesses].map(({ vkey }) => vkey)]
    .filter((vkey) => vkey !== '')
    .map(harmless)
    .join('\n')
