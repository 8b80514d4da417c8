export { followOperators, OperatorDirectory, type OperatorDirectoryDeps } from './follow-operators.ts'
export { OperatorTable } from './operator-table.ts'
export { TOKEN_TYPE } from './verify-token.ts'
