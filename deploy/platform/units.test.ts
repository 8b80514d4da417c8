import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { EXIT_CODES } from '../../services/node-agent/src/exit-codes.ts'

const units = globSync(fileURLToPath(new URL('../systemd/*.service', import.meta.url)))

test.for(units)('%s is started again for as long as it is wanted, however often it fails', (file) => {
  const unit = readFileSync(file, 'utf8')
  // The agent has a last word of its own: another start would only say it again.
  const isAgent = file.endsWith('powernode-node-agent.service')
  expect(unit).toContain(isAgent ? 'Restart=on-failure' : 'Restart=always')
  if (isAgent) expect(unit).toContain(`RestartPreventExitStatus=${EXIT_CODES.refused} ${EXIT_CODES.broken}`)
  expect(unit, 'systemd gives up after five failures in ten seconds').toContain('StartLimitIntervalSec=0')
})

test.for(units)('%s leaves no core file: sealing keys, tokens and passwords would stand in it', (file) => {
  expect(readFileSync(file, 'utf8')).toMatch(/^LimitCORE=0$/m)
})

test('nor does a container', () => {
  const compose = readFileSync(fileURLToPath(new URL('../compose/compose.yaml', import.meta.url)), 'utf8')
  expect(/^x-service: &service\n(?: .*\n)*/m.exec(compose)?.[0]).toMatch(/^ {2}ulimits: \{ core: 0 \}$/m)
})
