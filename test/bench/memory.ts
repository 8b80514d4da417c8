import { readFileSync } from 'node:fs'
import { SERVICE_NAMES, type ServiceName } from '@powernode/dev/services'
import type { TestPlatform } from '../mesh.ts'

/** What each service of a platform holds in memory (resident set), in MiB. Empty where there is no /proc. */
export function memoryOf({ platform }: TestPlatform): Partial<Record<ServiceName, number>> {
  const rows = SERVICE_NAMES.flatMap((name) => {
    const mib = residentMib(platform.parts[name].pid() ?? 0)
    return mib === undefined ? [] : [[name, mib] as const]
  })
  return Object.fromEntries(rows)
}

function residentMib(pid: number): number | undefined {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return kib === undefined ? undefined : Math.round(Number(kib) / 1024)
  } catch {
    return undefined
  }
}
