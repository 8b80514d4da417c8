import { main } from '@powernode/process'
import { networkConfigFrom } from './network/config.ts'
import { insideNamespace } from './network/namespace.ts'
import { run } from './network/service.ts'

await main(async (signal) => {
  const config = networkConfigFrom(process.env)
  const code = await insideNamespace({ netns: config.netns, argv: process.argv, env: process.env }, signal)
  if (code === undefined) await run({ ...config, netns: undefined }, signal)
  else process.exitCode = code
})
