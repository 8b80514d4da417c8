import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const units = globSync(fileURLToPath(new URL('../systemd/*.service', import.meta.url)))

test.for(units)('%s is started again for as long as it is wanted, however often it fails', (file) => {
  const unit = readFileSync(file, 'utf8')
  expect(unit).toContain('Restart=always')
  expect(unit, 'systemd gives up after five failures in ten seconds').toContain('StartLimitIntervalSec=0')
})
