import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FILE = 'first-boot.json'
/**
 * A guest whose platform needs longer than this to serve has no processor left for what a platform does at rest: what its services
 * hear from each other is always older than they may trust, and nothing that it is told helps (docs/providers.md has the figures).
 */
const MOST_MS = 150_000

export const TOO_SLOW = 'a machine so slow does not become active: it needs /dev/kvm, or a faster host'

export const isSlow = (ms: number): boolean => ms > MOST_MS

/** Written down beside the image, which is of this machine: how long its first boot took, with nothing else to do. */
export function noteFirstBoot(image: string, ms: number): void {
  writeFileSync(join(image, FILE), `${JSON.stringify({ ms: Math.round(ms) })}\n`)
}

/** In milliseconds; undefined where there is no image yet. */
export function firstBootOf(image: string): number | undefined {
  const file = join(image, FILE)
  if (!existsSync(file)) return undefined
  const { ms } = JSON.parse(readFileSync(file, 'utf8')) as { ms?: unknown }
  return typeof ms === 'number' ? ms : undefined
}
