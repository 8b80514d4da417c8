import { main } from '@powernode/process'
import { configFrom } from './config.ts'
import { EXIT_CODES } from './exit-codes.ts'
import { run } from './service.ts'

await main(async (signal) => {
  process.exitCode = EXIT_CODES[await run(configFrom(process.env), signal)]
})
