import { networkConfigFrom } from '@powernode/node-agent/network/config'
import { run } from '@powernode/node-agent/network/service'
import { openTools, type Tools } from '@powernode/node-agent/network/tools'

/**
 * An agent that kills itself, as `kill -9` would, the moment it is about to run a command that begins with DIES_BEFORE.
 * Started by a test as a process of its own, inside the namespace of its node.
 */
const fatal = process.env['DIES_BEFORE'] ?? ''

function dying(tools: Tools): Tools {
  const look = (command: string, args: readonly string[]): void => {
    if ([command, ...args].join(' ').startsWith(fatal)) process.kill(process.pid, 'SIGKILL')
  }
  return {
    ...tools,
    run(command, args, options) {
      look(command, args)
      return tools.run(command, args, options)
    },
    must(command, args, options) {
      look(command, args)
      return tools.must(command, args, options)
    },
    inside: (netns) => dying(tools.inside(netns)),
  }
}

const { netns: _, ...config } = networkConfigFrom(process.env)
await run({ ...config, netns: undefined }, new AbortController().signal, { tools: dying(openTools()) })
