import type { Tx } from '@powernode/postgres'
import * as rotations from '../store/rotations.ts'
import type { Tables } from '../store/tables.ts'

/** One of our services says which bundle it trusts and which generation its certificate is of: a rotation waits for this. */
export async function reportTrust(
  tx: Tx<Tables>,
  now: Date,
  { holder, sequence, generation }: { holder: string; sequence: number; generation: number },
): Promise<void> {
  const row = { holder, acknowledged_sequence: sequence, generation, acknowledged_at: now }
  await rotations.saveHolder(tx, row)
}
