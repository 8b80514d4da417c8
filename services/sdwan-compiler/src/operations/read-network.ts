import type { Network, NetworkCompiler } from '../network.ts'
import * as crossings from '../store/crossings.ts'
import * as state from '../store/intent-state.ts'
import * as intents from '../store/intent.ts'
import * as ovnEndings from '../store/ovn-endings.ts'
import type { SdwanTx } from '../store/tables.ts'

/** The network as it stands in this transaction: the one that is kept, unless somebody has changed it since. */
export async function readNetwork(
  tx: SdwanTx,
  _now: Date,
  { compiler }: { readonly compiler: NetworkCompiler },
): Promise<Network> {
  // prettier-ignore
  const version = await state.count(tx)
  if (compiler.kept?.version === version) return compiler.kept
  return compiler.compile(version, await intents.readAll(tx), {
    crossings: await crossings.forWorld(tx),
    endings: await ovnEndings.list(tx),
  })
}
