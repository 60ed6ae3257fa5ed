"""The recipe of a small lab, with every kind of part and of published figure."""

LAB = """
title = "A small lab"
source = "nowhere"
notes = ["It is <small>."]
epochs = 2
seeds = 2
[base]
train_size = 500
width = 8
depth = 1
learning_rate = 0.5
[[ablations]]
heading = "Does a wider network do better?"
notes = ["We think so."]
param = "width"
values = [8, 16]
published = { best = 8, accuracy = { 8 = 12.0, 16 = 80 }, seconds = { 8 = 900 } }
[[configs]]
heading = "Two configurations"
published_is = "best of 3"
runs = [
  { published = { accuracy = [50.0, 99.0], loss = [1.0, 0.01] } },
  { width = 4, epochs = 1, seeds = 1, published = { accuracy = 60.0, train_loss = 2.0 } },
]
[search]
algorithm = "random"
max_trials = 2
max_epochs = 1
replicates = 0
space = { learning_rate = "0.1:1:log" }
published = { accuracy = 91.5, best = { learning_rate = 0.5 } }
"""
