# a dict of 400,000 tuples
z = {i: (i, i) for i in range(400_000)}
# ---
# 200,000 lists of 8 numbers
grid = [[row * column for column in range(8)] for row in range(200_000)]
# ---
# 200,000 objects
class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y
points = [Point(n, n + 1) for n in range(200_000)]
# ---
# a linked list of 200,000
class Node:
    __slots__ = ("value", "next")
    def __init__(self, value, next):
        self.value, self.next = value, next
head = None
for n in range(200_000):
    head = Node(n, head)
# ---
# a search tree of 60,000
def insert(tree, key):
    while True:
        side = 1 if key < tree[0] else 2
        if tree[side] is None:
            tree[side] = [key, None, None]
            return
        tree = tree[side]
root = [0, None, None]
key = 1
for _ in range(60_000):
    key = key * 1_103_515_245 % 2_147_483_647
    insert(root, key - 1_000_000_000)
# ---
# a graph of 50,000 dicts
graph = {n: {(n * 7 + k) % 50_000: (n, k) for k in range(4)} for n in range(50_000)}
# ---
# a memo table of 196,891
memo = {}
def ways(n, k):
    if (n, k) in memo:
        return memo[n, k]
    memo[n, k] = result = 1 if n == 0 or k == 0 else (ways(n - 1, k) + ways(n, k - 1)) % 1_000_007
    return result
for n in range(0, 500, 100):
    for k in range(0, 500, 10):
        ways(n, k)
# ---
# a queue of 150,000 paths
from collections import deque
queue, seen = deque([(0, ())]), 0
while queue and seen < 150_000:
    depth, path = queue.popleft()
    seen += 1
    queue.append((depth + 1, path[-3:] + (seen,)))
    queue.append((depth + 1, (seen,)))
# ---
# temporary lists, no cycles
total = 0
for n in range(300_000):
    pair = [n, (n, [n])]
    total += pair[1][1][0]
# ---
# 200,000 objects in cycles, freed
class Node:
    pass
for n in range(200_000):
    node = Node()
    node.self, node.data = node, [n] * 10
# ---
# the same beside 100,000 live lists
table = {n: [n] for n in range(100_000)}
for n in range(200_000):
    ring = [n]
    ring.append(ring)
# ---
# 30,000 large lists in cycles, freed
for n in range(30_000):
    page = [n] * 10_000
    page.append(page)
