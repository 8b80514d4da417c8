import { main } from '@powernode/process'
import { configFrom } from './config.ts'
import { run } from './service.ts'

await main((signal) => run(configFrom(process.env), signal))
