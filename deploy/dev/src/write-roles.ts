import { writeFileSync } from 'node:fs'
import { describeRoles } from './describe-roles.ts'

writeFileSync(new URL('../../postgres/roles.sql', import.meta.url), await describeRoles())
