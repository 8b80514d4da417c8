import type { Tx } from '@powernode/postgres'
import type { PlatformDescription } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { Peer } from '../peer.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { printable } from '../text.ts'

/**
 * What a peer is called here: as our operator called it, else as it calls itself.
 *
 * A name it chose is only a wish. One that is taken gets a piece of its platform id, because refusing would tell a
 * stranger who our peers are, and stop it for something that neither side did wrong.
 */
export async function nameFor(tx: Tx<Tables>, peer: Peer, { name, platformId }: PlatformDescription): Promise<string> {
  if (peer.name !== '') return peer.name
  const wished = printable(name, 100)
  return (await peers.isNameTaken(tx, wished)) ? `${wished} (${platformId.slice(0, 8)})` : wished
}
