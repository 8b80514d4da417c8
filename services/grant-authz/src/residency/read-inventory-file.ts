import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { InventoryInvalid, readInventory } from '../inventory.ts'
import type { Kind } from '../kind.ts'

const MOST_BYTES = 1_048_576

/** The kinds that an inventory file declares. MUST succeed before the service starts: half an inventory hides a field. */
export async function readInventoryFile(path: string): Promise<Kind[]> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new Error(`INVENTORY_FILE: ${path} cannot be read`, { cause: error })
  })
  if (bytes.length > MOST_BYTES) throw new InventoryInvalid(path, [`1: is larger than ${MOST_BYTES} bytes`])
  return readInventory(basename(path), bytes.toString('utf8'))
}
