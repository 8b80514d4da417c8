import { readFileSync } from 'node:fs'
import { systemClock } from '@powernode/clock'
import { processesWith } from '@powernode/process'
import { typeJson } from '../../flows/operator-at-keyboard.ts'
import { childOf, isActive, isGone, spawn, untilChild, type ChildJson } from '../../flows/spawning.ts'
import type { TestPlatform } from '../../mesh.ts'
import { rounded, say } from '../report.ts'

/** One child: how long from the operator's command until both sides have heard each other, and what it cost. */
export type Made = {
  readonly seconds: number
  /** Processor time of the child's machine by then: what stays the same on a busy host. */
  readonly cpuSeconds: number
  /** How long until each step was done, as spawn-provisioner wrote it down. */
  readonly steps: Readonly<Record<string, number>>
}

const LONGEST_MS = 900_000

/** Makes `count` children one after the other, and ends each before the next. */
export async function makeChildren(
  parent: TestPlatform,
  { kind, count }: { readonly kind: 'process' | 'qemu'; readonly count: number },
): Promise<readonly Made[]> {
  const type = 'small=2,1GiB'
  await typeJson(parent, ['provider', 'create', `bench-${kind}`, '--kind', kind, '--region', kind, '--type', type])
  const made: Made[] = []
  for (let at = 1; at <= count; at++) {
    const hostname = `${kind}-${at}`
    const startedAt = systemClock.now()
    await spawn(parent, hostname, 'managed_child', '--region', kind)
    // Told, and not asked for again and again: whoever looks takes time from what is measured.
    const news = parent.spawning.watchSpawn({ child: hostname }, { timeoutMs: LONGEST_MS })
    for await (const _ of news);
    const seconds = (systemClock.now().getTime() - startedAt.getTime()) / 1_000
    const child = await childOf(parent, hostname)
    if (!isActive(child)) throw new Error(`${hostname} is ${child.state}: ${child.reason}`)
    made.push({ seconds, cpuSeconds: cpuSecondsOf(child), steps: stepsOf(child, startedAt) })
    say(`${kind} ${at}: active after ${rounded(seconds)} s, ${rounded(cpuSecondsOf(child))} s of processor`)
    await typeJson(parent, ['child', 'terminate', hostname, '--reason', 'bench'])
    await untilChild(parent, hostname, isGone)
  }
  return made
}

/** Of every process that bears the instance's id, with what it has waited for (proc_pid_stat(5), fields 14 to 17). */
function cpuSecondsOf({ instance }: ChildJson): number {
  const ticks = processesWith(instance?.id ?? 'none').map((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return [11, 12].reduce((sum, at) => sum + Number(fields[at]), 0)
  })
  return ticks.reduce((sum, one) => sum + one, 0) / 100
}

function stepsOf({ steps }: ChildJson, startedAt: Date): Readonly<Record<string, number>> {
  const done = steps.flatMap(({ name, ...step }) => {
    const { finished_at: at } = step as { finished_at?: string } // printed by fedctl; flows do not look at it
    return at === undefined ? [] : [[name, rounded((new Date(at).getTime() - startedAt.getTime()) / 1_000)] as const]
  })
  return Object.fromEntries(done)
}
