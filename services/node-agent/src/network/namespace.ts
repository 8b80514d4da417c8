import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { netOf } from './tools.ts'

/** How a process of ours is started again. */
export type Self = {
  readonly netns: string | undefined
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Starts this process again inside its namespace, and returns how that one ended; undefined when it is there already. So the
 * calls to the control plane, too, leave from where the network is: confirming over any other path would prove nothing.
 */
export async function insideNamespace({ netns, argv, env }: Self, signal: AbortSignal): Promise<number | undefined> {
  if (netns === undefined || isHere(netns)) return undefined
  const child = spawn('nsenter', [netOf(netns), '--', process.execPath, ...process.execArgv, ...argv.slice(1)], {
    env: { ...env, POWERNODE_EXIT_WITH_PARENT: '1' },
    stdio: 'inherit',
  })
  const stop = () => child.kill('SIGTERM')
  signal.addEventListener('abort', stop, { once: true })
  const [code] = (await once(child, 'exit')) as [number | null] // rejects when it cannot be started
  signal.removeEventListener('abort', stop)
  return code ?? 1
}

/** A namespace is the file that nsfs shows for it: one device and inode, whatever the path (namespaces(7)). */
function isHere(netns: string): boolean {
  const [here, there] = ['/proc/self/ns/net', `/run/netns/${netns}`].map((path) => statSync(path))
  return here?.ino === there?.ino && here?.dev === there?.dev
}
