import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SERVICE_NAMES } from '../dev/src/services.ts'
import { EXAMPLES, exampleFiles } from './example-env.ts'
import { envFile, parseEnvFile } from './env-file.ts'

test.for([...SERVICE_NAMES])('%s starts with the environment that is written for it', async (service) => {
  const text = readFileSync(new URL(`${service}.env`, EXAMPLES), 'utf8')
  expect(text, 'node deploy/dev/run.mjs deploy/platform/write-examples.ts').toBe(exampleFiles().get(`${service}.env`))
  const { configFrom }: { configFrom(env: Record<string, string>): object } = await import(
    new URL(`../../services/${service}/src/config.ts`, import.meta.url).href
  )
  expect(() => configFrom(parseEnvFile(text))).not.toThrow()
  // The twin: a service does say what is missing.
  expect(() => configFrom({})).toThrow(/TRUST_DOMAIN/)
})

test('a value comes out of an environment file as it went in', () => {
  const variables = { PLAIN: 'https://a.example:1', LIST: '[{"url":"https://a"}]', SPACES: 'two words', EMPTY: '' }
  expect(parseEnvFile(`# a comment\n\n${envFile(variables)}`)).toEqual(variables)
  expect(() => envFile({ NAME: "it's" })).toThrow(/NAME/)
})
