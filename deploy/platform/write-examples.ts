import { writeFileSync } from 'node:fs'
import { EXAMPLES, exampleFiles } from './example-env.ts'

for (const [file, text] of exampleFiles()) writeFileSync(new URL(file, EXAMPLES), text)
