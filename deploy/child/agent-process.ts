import { programOf } from '../dev/src/bundled/service-program.ts'
import { startChild, type Exit } from '../dev/src/child.ts'
import type { AgentLife } from './agent.ts'

/** The agent as a process of its own, as on a host. */
export const agentProcess: AgentLife = async ({ env, stateDir, logFile }, signal) => {
  const { args, compiled } = await programOf('node-agent')
  const child = await startChild({
    command: process.execPath,
    args: [...process.execArgv, ...args],
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      NODE_COMPILE_CACHE: compiled,
      POWERNODE_EXIT_WITH_PARENT: '1',
      ...env,
    },
    cwd: stateDir,
    logFile,
    stopSignal: 'SIGTERM',
  })
  const stop = () => void child.stop()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const exit = await child.exited
  signal.removeEventListener('abort', stop)
  return isChosen(exit) ? 'chosen' : 'mishap'
}

/** EXIT_CODES of services/node-agent: finished, refused, broken. Anything else was not its own choice. */
const isChosen = ({ code }: Exit) => code === 0 || code === 77 || code === 78
