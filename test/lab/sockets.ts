import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from '../eventually.ts'
import type { LabNode } from './lab.ts'

const ANSWERER = fileURLToPath(new URL('answerer.mjs', import.meta.url))

/**
 * bash with a socket for its input takes itself for one that a network daemon started, and reads the `~/.bashrc` of whoever runs the tests
 * (bash(1), "Invocation"): which may take longer than anybody is called for.
 */
const BASH = ['bash', '--norc', '-c'] as const

/** Listens in a node on these ports of every address, TCP and UDP, and answers whoever calls with its own name. */
export async function answerOn(node: LabNode, ports: readonly number[]): Promise<void> {
  await node.start(`answers-${ports.join('-')}`, process.execPath, [ANSWERER, node.name, ports.join(',')])
  const [first = 0] = ports
  await eventually(
    () => calls(node, '::1', first),
    (answer) => answer === node.name,
  )
}

/** Calls a TCP port from a node: what it is told first, or undefined when nobody answers within `timeoutMs`. */
export async function calls(
  node: LabNode,
  address: string,
  port: number,
  timeoutMs = 1_500,
): Promise<string | undefined> {
  const script = 'exec 3<>"/dev/tcp/$1/$2" && read -r line <&3 && printf %s "$line"'
  const seconds = String(timeoutMs / 1_000)
  const ran = await node.run('timeout', [seconds, ...BASH, script, 'call', address, String(port)])
  return ran.code === 0 ? ran.out : undefined
}

const CALLER = fileURLToPath(new URL('caller.mjs', import.meta.url))

/** Keeps calling a TCP port from a node; what comes back tells when it was answered so far, in milliseconds of the machine's clock. */
export async function answersTo(node: LabNode, address: string, port: number): Promise<() => readonly number[]> {
  await node.start(`calls-${port}`, process.execPath, [CALLER, address, String(port)])
  const file = join(dirname(node.dir), `${node.name}-calls-${port}.log`)
  return () => readFileSync(file, 'utf8').split('\n').slice(0, -1).map(Number)
}

/** Sends a datagram from a node: the answer, or undefined when none comes within `timeoutMs`. */
export async function sends(
  node: LabNode,
  address: string,
  port: number,
  timeoutMs = 1_500,
): Promise<string | undefined> {
  const script = 'exec 3<>"/dev/udp/$1/$2" && echo hello >&3 && printf %s "$(head -n 1 <&3)"'
  const seconds = String(timeoutMs / 1_000)
  const ran = await node.run('timeout', [seconds, ...BASH, script, 'send', address, String(port)])
  return ran.code === 0 ? ran.out : undefined
}
