import { parentPlatform } from '../flows/spawning.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'
import { imageFlaw } from './spawn/image.ts'
import { makeChildren, type Made } from './spawn/children.ts'
import { measureMember, MEMBER_LIMITS } from './spawn/member.ts'

const LIMIT_S = { process: 10, qemu: 60 } as const
const RUNS = { process: 3, qemu: 1 } as const

/**
 * From `fedctl child spawn` to `active` on both sides: by processes of this host, and by a virtual machine where QEMU and an
 * image are here. The parent is a platform of its own processes; nothing else is told of the child, and nobody helps it.
 */
export async function run(): Promise<Report> {
  const parent = await parentPlatform('p', { processes: true, throughToDisk: true })
  try {
    const processes = await makeChildren(parent, { kind: 'process', count: RUNS.process })
    const flaw = imageFlaw()
    if (flaw !== undefined) say(`no virtual machine: ${flaw}`)
    const machines = flaw === undefined ? await makeChildren(parent, { kind: 'qemu', count: RUNS.qemu }) : []
    const member = await measureMember()
    const seconds = processes.map((made) => made.seconds)
    return {
      bench: 'spawn',
      unit: 's from spawn to active, by processes of one host',
      ours: rounded(median(seconds)),
      limit: LIMIT_S.process,
      ratio: rounded(LIMIT_S.process / median(seconds)),
      p50_ms: rounded(median(seconds) * 1_000, 0),
      p99_ms: rounded(quantile(seconds, 0.99) * 1_000, 0),
      runs: seconds.map((one) => rounded(one)),
      ...figures('process', processes),
      ...figures('qemu', machines),
      member,
      member_limits: MEMBER_LIMITS,
      ...(flaw !== undefined && { qemu_left_out: flaw }),
    }
  } finally {
    await parent.stop()
  }
}

function figures(kind: 'process' | 'qemu', made: readonly Made[]): Readonly<Record<string, unknown>> {
  if (made.length === 0) return {}
  return {
    [`${kind}_s`]: made.map(({ seconds }) => rounded(seconds)),
    [`${kind}_cpu_s`]: made.map(({ cpuSeconds }) => rounded(cpuSeconds)),
    [`${kind}_limit_s`]: LIMIT_S[kind],
    [`${kind}_steps_s`]: made.map(({ steps }) => steps),
  }
}
