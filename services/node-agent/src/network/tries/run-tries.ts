import { fileURLToPath } from 'node:url'
import { cidrHolds } from '@powernode/policy'
import { z } from 'zod'
import type { Machine } from '../apply/machine.ts'
import type { CheckedState, Try, Tunnel } from '../checked/check-state.ts'
import { isV6 } from '../checked/patterns.ts'
import type { Tools } from '../tools.ts'

export type Tried = Try & { readonly reached: boolean }

const PROGRAM = fileURLToPath(new URL('try.ts', import.meta.url))
const ANSWERS = z.array(z.boolean())
/** Echo requests under way at once. */
const AT_ONCE = 32
const WITHIN_S = '1'
const PATIENCE_MS = 120_000

/**
 * Tries from this node what the tests of the intent ask of it, each where its interface is. What is found is reported and
 * decides nothing here: the other end may not have its version yet, and waiting for one another nobody would ever begin.
 */
export async function runTries(machine: Machine, state: CheckedState): Promise<readonly Tried[]> {
  const groups = Map.groupBy(state.tests, ({ address }) => tunnelTo(state, address)?.vrf)
  const found: Tried[] = []
  for (const [vrf, tries] of groups) {
    const { tools, table } = machine.roomOf(state, { vrf })
    const inside = table === undefined ? [] : ['ip', 'vrf', 'exec', vrf ?? '']
    found.push(...(await echoes(tools, inside, tries.filter(({ protocol }) => protocol === 'icmp6')))) // prettier-ignore
    found.push(...(await connections(tools, inside, tries.filter(({ protocol }) => protocol !== 'icmp6')))) // prettier-ignore
  }
  return found
}

const tunnelTo = ({ interfaces }: CheckedState, address: string): Tunnel | undefined =>
  interfaces.find(({ routes }) => routes.some(({ prefix }) => cidrHolds(prefix, isV6(address) ? `${address}/128` : `${address}/32`))) // prettier-ignore

async function echoes(tools: Tools, inside: readonly string[], tries: readonly Try[]): Promise<Tried[]> {
  const found: Tried[] = []
  const waiting = tries.values()
  const worker = async () => {
    for (const each of waiting) {
      const [command, ...args] = [...inside, 'ping', '-n', '-q', '-c', '1', '-W', WITHIN_S, each.address]
      found.push({ ...each, reached: (await tools.run(command, args)).code === 0 })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return found
}

async function connections(tools: Tools, inside: readonly string[], tries: readonly Try[]): Promise<Tried[]> {
  if (tries.length === 0) return []
  const [command, ...args] = [...inside, process.execPath, PROGRAM]
  const out = await tools.must(command, args, { input: JSON.stringify(tries), timeoutMs: PATIENCE_MS })
  const reached = ANSWERS.parse(JSON.parse(out))
  return tries.map((each, index) => ({ ...each, reached: reached[index] ?? false }))
}
