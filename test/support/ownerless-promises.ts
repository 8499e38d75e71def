import { relative } from 'node:path';
import ts from 'typescript';

/** What a listener returns: nothing, or, as browsers have it typed, anything, which is not looked at. */
const NOTHING = ts.TypeFlags.Void | ts.TypeFlags.Any;

/**
 * Finds each promise whose rejection nobody would hear of, which ends a Node process: one that is neither awaited nor
 * returned and has no handler for its rejection (`void` is none), and each function that returns a promise where the
 * caller expects nothing, as `setInterval` and `on` do.
 *
 * Linters know the first without `void`, and the second not at all or without types.
 *
 * @param isChecked whether the findings of a file are wanted
 * @returns `file:line: the code`, paths relative to `root`
 */
export function ownerlessPromises(
  program: ts.Program,
  root: string,
  isChecked: (file: string) => boolean,
): string[] {
  const checker = program.getTypeChecker();
  const found: string[] = [];
  for (const file of program.getSourceFiles()) {
    const name = relative(root, file.fileName);
    if (!file.isDeclarationFile && isChecked(name)) visit(file, name, file);
  }
  return found;

  function visit(node: ts.Node, name: string, file: ts.SourceFile): void {
    if (isFloating(node) || isMisused(node)) {
      const { line } = file.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${name}:${line + 1}: ${node.getText().split('\n')[0]}`);
    }
    ts.forEachChild(node, (child) => visit(child, name, file));
  }

  function isFloating(node: ts.Node): boolean {
    if (!ts.isExpressionStatement(node) && !ts.isVoidExpression(node)) return false;
    const expression = withoutParentheses(node.expression);
    // What is assigned is kept, for somebody to wait for.
    if (ts.isVoidExpression(expression) || isAssignment(expression)) return false;
    return isPromise(checker.getTypeAtLocation(expression)) && !isOwned(expression);
  }

  /** `.catch(f)`, `.then(f, g)`, or `.finally(f)` of such. */
  function isOwned(expression: ts.Expression): boolean {
    const call = withoutParentheses(expression);
    if (!ts.isCallExpression(call) || !ts.isPropertyAccessExpression(call.expression)) return false;
    const { name, expression: promise } = call.expression;
    if (name.text === 'catch') return call.arguments.length > 0;
    if (name.text === 'then') return call.arguments.length > 1;
    return name.text === 'finally' && isOwned(promise);
  }

  /** A function that returns promises, in a place where nobody waits for any. */
  function isMisused(node: ts.Node): boolean {
    const value = givenValue(node);
    if (value === undefined) return false;
    const wanted = checker.getContextualType(value);
    return wanted !== undefined && expectsNothing(wanted) && returnsPromise(checker.getTypeAtLocation(value));
  }

  /** An argument, an initial or a returned value; `finally` does wait for what its argument returns. */
  function givenValue(node: ts.Node): ts.Expression | undefined {
    if (ts.isShorthandPropertyAssignment(node)) return node.name;
    const { parent } = node;
    if (!ts.isExpression(node) || parent === undefined) return undefined;
    if (ts.isCallExpression(parent) || ts.isNewExpression(parent)) {
      const isArgument = parent.arguments?.includes(node) === true;
      return isArgument && !/\.finally$/.test(parent.expression.getText()) ? node : undefined;
    }
    const isInitial = ts.isPropertyAssignment(parent) || ts.isVariableDeclaration(parent);
    const isReturned = ts.isReturnStatement(parent) || (ts.isArrowFunction(parent) && parent.body === node);
    return isReturned || (isInitial && parent.initializer === node) ? node : undefined;
  }

  function expectsNothing(type: ts.Type): boolean {
    const returns = signatures(type).map((signature) => signature.getReturnType());
    return returns.length > 0 && returns.every(({ flags }) => (flags & NOTHING) !== 0);
  }

  function returnsPromise(type: ts.Type): boolean {
    return signatures(type).some((signature) => isPromise(signature.getReturnType()));
  }

  function signatures(type: ts.Type): readonly ts.Signature[] {
    return parts(type).flatMap((part) => part.getCallSignatures());
  }

  function isPromise(type: ts.Type): boolean {
    return parts(type).some((part) => {
      const then = part.getProperty('then');
      return then !== undefined && checker.getTypeOfSymbol(then).getCallSignatures().length > 0;
    });
  }

  function parts(type: ts.Type): readonly ts.Type[] {
    return type.isUnion() ? type.types : [type];
  }
}

function isAssignment(node: ts.Expression): boolean {
  if (!ts.isBinaryExpression(node)) return false;
  const { kind } = node.operatorToken;
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
}

function withoutParentheses(node: ts.Expression): ts.Expression {
  return ts.isParenthesizedExpression(node) ? withoutParentheses(node.expression) : node;
}
