import { fileURLToPath } from 'node:url'
import { currentImage, flawOf } from '../../../services/spawn-provisioner/src/providers/qemu/image.ts'
import { missingTools } from '../../../services/spawn-provisioner/src/providers/qemu/guest.ts'

const CACHE = fileURLToPath(new URL('../../../.cache', import.meta.url))

/** Why there can be no virtual machine here, or undefined. */
export function imageFlaw(): string | undefined {
  return missingTools({ PATH: process.env['PATH'] ?? '' }) ?? flawOf(currentImage(CACHE, undefined))
}
