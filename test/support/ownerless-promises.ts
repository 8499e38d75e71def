import { relative } from 'node:path';
import ts from 'typescript';

/**
 * Finds each promise whose rejection nobody would hear of, which ends a Node process: one that is neither awaited nor
 * returned and has no handler for its rejection (`void` is none), and each function that returns a promise where the
 * caller expects nothing, as `setInterval` and `on` do.
 *
 * An async function of ours that waits for nothing outside of a `try` with a `catch` hears of its errors itself: it may
 * be called behind `void`.
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
  const asked = new Set<ts.Node>();
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

  /** `.catch(f)`, `.then(f, g)`, or `.finally(f)` of such, or what a function that owns its errors returns. */
  function isOwned(expression: ts.Expression): boolean {
    const call = withoutParentheses(expression);
    if (!ts.isCallExpression(call)) return false;
    const callee = checker.getResolvedSignature(call)?.declaration;
    if (callee !== undefined && (ownsItsErrors(callee) || isPause(call, callee))) return true;
    if (!ts.isPropertyAccessExpression(call.expression)) return false;
    const { name, expression: promise } = call.expression;
    if (name.text === 'catch') return call.arguments.length > 0;
    if (name.text === 'then') return call.arguments.length > 1;
    return name.text === 'finally' && isOwned(promise);
  }

  /** A pause of Node's fails when a signal ends it, and never otherwise. */
  function isPause(call: ts.CallExpression, callee: ts.Node): boolean {
    const isTimer = callee.getSourceFile().fileName.endsWith('/node/timers/promises.d.ts');
    const options = call.arguments.at(
      ts.getNameOfDeclaration(callee as ts.Declaration)?.getText() === 'setImmediate' ? 1 : 2,
    );
    const isPlain = options === undefined || ts.isObjectLiteralExpression(options);
    return isTimer && isPlain && !options?.getText().includes('signal');
  }

  function ownsItsErrors(declaration: ts.Node): boolean {
    if (!ts.isFunctionLike(declaration) || !('body' in declaration)) return false;
    const { body } = declaration as ts.FunctionLikeDeclaration;
    const isAsync = ts.canHaveModifiers(declaration)
      ? ts.getModifiers(declaration)?.some(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword)
      : false;
    if (isAsync !== true || body === undefined || !ts.isBlock(body)) return false;
    if (asked.has(body)) return true; // functions that call each other: nothing leaves but what leaves elsewhere
    asked.add(body);
    const owns = !escapes(body);
    asked.delete(body);
    return owns;
  }

  /** Whether an error can leave: of what is awaited or returned to be awaited, or thrown, outside of a `try`. */
  function escapes(node: ts.Node): boolean {
    if (ts.isFunctionLike(node)) return false;
    if (ts.isTryStatement(node) && node.catchClause !== undefined)
      return (
        escapes(node.catchClause.block) || (node.finallyBlock !== undefined && escapes(node.finallyBlock))
      );
    if (ts.isThrowStatement(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined))
      return true;
    if (ts.isAwaitExpression(node)) return !isOwned(node.expression);
    if (ts.isReturnStatement(node) && node.expression !== undefined) {
      const isWaitedFor = isPromise(checker.getTypeAtLocation(node.expression));
      if (isWaitedFor && !isOwned(node.expression)) return true;
    }
    return ts.forEachChild(node, escapes) ?? false;
  }

  /** A function that returns promises, in a place where nobody waits for any. */
  function isMisused(node: ts.Node): boolean {
    const value = givenValue(node);
    if (value === undefined || ownsItsErrors(value)) return false;
    const wanted = checker.getContextualType(value);
    return (
      wanted !== undefined &&
      expectsNothing(wanted, value) &&
      returnsPromise(checker.getTypeAtLocation(value))
    );
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

  /** Browsers' listeners are typed as returning anything, which nobody looks at. */
  function expectsNothing(type: ts.Type, { parent }: ts.Expression): boolean {
    const isListener = ts.isCallExpression(parent) && /\.addEventListener$/.test(parent.expression.getText());
    const nothing = ts.TypeFlags.Void | (isListener ? ts.TypeFlags.Any : 0);
    const returns = signatures(type).map((signature) => signature.getReturnType());
    return returns.length > 0 && returns.every((result) => (result.flags & nothing) !== 0);
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
