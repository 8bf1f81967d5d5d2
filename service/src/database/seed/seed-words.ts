import type { Genre } from '../../catalog/model.ts';

type Words = readonly [string, ...string[]];

export const cities = ['Seoul', 'Busan', 'Daegu', 'Incheon', 'Daejeon'] as const;

export const venueNames: Words = [
  'Arts Center',
  'Opera House',
  'Concert Hall',
  'Riverside Theater',
  'Cultural Forum',
  'Playhouse',
  'Philharmonic Hall',
  'Station Theater',
];

export const hallNames = ['Grand Theater', 'Concert Hall', 'Studio', 'Black Box'] as const;

export const adjectives: Words = [
  'Silent',
  'Burning',
  'Distant',
  'Crimson',
  'Restless',
  'Golden',
  'Forgotten',
  'Wandering',
  'Electric',
  'Paper',
  'Northern',
  'Secret',
  'Endless',
  'Broken',
  'Midnight',
  'Velvet',
];

export const nouns: Words = [
  'Harbor',
  'Garden',
  'Letter',
  'Winter',
  'Mirror',
  'River',
  'Parade',
  'Orchard',
  'Lantern',
  'Voyage',
  'Kingdom',
  'Station',
  'Horizon',
  'Promise',
  'Carnival',
  'Island',
];

export const people: Words = [
  'Han Jiwoo',
  'Park Seoyeon',
  'Kim Minjun',
  'Lee Haneul',
  'Choi Yuna',
  'Elena Marchetti',
  'Jonas Lindqvist',
  'Amara Okafor',
  'Sofia Almeida',
  'Daniel Weiss',
  'Claire Fontaine',
  'Tomasz Zielinski',
];

/** `{adjective}`, `{noun}` and `{person}` are drawn for each title. */
export const titles: Readonly<Record<Genre, Words>> = {
  musical: ['{adjective} {noun}: The Musical', 'The {noun} of {person}', '{adjective} {noun}'],
  concert: ['{person} Live: {adjective} {noun} Tour', '{adjective} {noun} Festival', '{person} in Concert'],
  play: ['The {adjective} {noun}', 'A {noun} for Two', '{person} and the {noun}'],
  classical: [
    '{person} Plays the {adjective} {noun}',
    'Philharmonic: {adjective} {noun}',
    'Chamber Evening with {person}',
  ],
  opera: ['The {adjective} {noun}, Opera in Three Acts', 'The {noun} (in Concert)', 'La {noun}'],
  dance: ['{adjective} {noun}, a Ballet', 'Bodies of the {noun}', '{person} Company: {noun}'],
  family: ['The Little {noun}', '{adjective} {noun} and Friends', 'A {noun} for Children'],
  exhibition: ['{person}: The {adjective} {noun}', '{adjective} {noun}, a Retrospective', 'Light and {noun}'],
};

export const sentences: Words = [
  'After three sold-out seasons the production returns with a new cast and a stage rebuilt from the ground up.',
  '{person} leads an ensemble of twenty-four through two acts that critics have called the surprise of the year.',
  'The score moves between a full orchestra and a single piano, and leaves room for the silence in between.',
  'What begins as an ordinary evening by the {noun} turns into a story about memory, debt and forgiveness.',
  'The staging by {person} puts the audience on three sides, so that no two seats see the same evening.',
  'Running time is about 150 minutes with one intermission; latecomers are seated after the first scene.',
  'Sets and costumes were made in the workshops of the house, from cloth, paper and {adjective} light.',
  'An introduction with {person} takes place in the foyer forty minutes before the performance begins.',
  'Recommended from the age of eight; hearing loops and wheelchair places are available in all sections.',
  'The work was commissioned for the opening of the house and has since been shown in eleven countries.',
  'Tickets of the highest grade include the printed programme and a visit behind the stage on weekdays.',
  'A {adjective} {noun}, two strangers and one night: more is not needed for an evening that stays with you.',
];
