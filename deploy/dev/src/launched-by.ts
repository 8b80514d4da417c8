import { fileURLToPath } from 'node:url'
import { type Settings } from './environment.ts'

const CACHE_DIR = fileURLToPath(new URL('../../../.cache', import.meta.url))

/** What a platform that ends with its launcher makes MUST end with it too; and images are the checkout's, not each platform's. */
export function launchedBy(pid: number, { env, ...settings }: Settings): Settings {
  const spawning = { ENDS_WITH_PID: String(pid), CACHE_DIR, ...env?.['spawn-provisioner'] }
  return { ...settings, env: { ...env, 'spawn-provisioner': spawning } }
}
