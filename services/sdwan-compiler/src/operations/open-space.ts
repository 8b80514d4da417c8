import { accountPrefix, installPrefix } from '../allocate/prefixes.ts'
import { mintInstallBits } from '../secrets.ts'
import * as state from '../store/intent-state.ts'
import * as space from '../store/space.ts'
import type { Space } from '../store/space.ts'
import type { SdwanTx } from '../store/tables.ts'

/**
 * The prefixes that everything is allocated from: the install's /40 is drawn once in its life, the account's /48 follows. Of
 * many that start at the same moment one draws, and the others find what it drew.
 */
export async function openSpace(tx: SdwanTx, now: Date, { accountId }: { readonly accountId: string }): Promise<Space> {
  await state.takeTurn(tx)
  const found = await space.find(tx, accountId)
  if (found) return found
  let install = await space.install(tx)
  if (install === undefined) {
    install = installPrefix(mintInstallBits())
    await space.draw(tx, install, now)
  }
  const account = accountPrefix(install, accountId, new Set(await space.accounts(tx)))
  await space.open(tx, accountId, account)
  return { install, account }
}
