/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operating system of one sector, for tests that need a guest which answers but no Linux: it is up within a second
 * under TCG. On COM1 to COM4 and LPT1 it says what it was booted from ("LODGE-BARE-UP C": F floppy, H disk, C cdrom).
 * Then it sends every byte that comes on a COM port back on it, but obeys the control characters ^A panic, ^B power
 * off, ^C reset, ^D suspend to RAM, and switches itself off when the power button is pressed.
 */
    .code16
    .equ PM_STATUS, 0x600   /* of ACPI, where SeaBIOS puts it on i440fx and q35 */
    .equ PM_ENABLE, 0x602
    .equ PM_CONTROL, 0x604
    .equ POWER_BUTTON, 0x100
    .equ SLEEP, 0x2000      /* SLP_EN; the kind of sleep is in bits 10 to 12: 0 off, 1 to RAM */
    .equ PVPANIC, 0x505
    .equ RESET, 0xcf9
    .equ LPT1, 0x378

    .globl _start
_start:
    cli
    cld
    xor %ax, %ax            /* loaded at 0:7c00 or, from a cdrom, at 7c0:0: run with offsets from 0 */
    mov %ax, %ss
    mov $0x7000, %sp
    call 1f
1:  pop %bx
    sub $(1b - _start), %bx
    shr $4, %bx
    mov %cs, %ax
    add %bx, %ax
    mov %ax, %ds
    push %ax
    push $begin
    lret

begin:
    mov $'F', %al
    test %dl, %dl
    jz 1f
    mov $'H', %al
    cmp $0xe0, %dl
    jb 1f
    mov $'C', %al
1:  mov %al, (medium)
    mov $PM_ENABLE, %dx
    mov $POWER_BUTTON, %ax
    out %ax, %dx
    mov $ports, %di
1:  mov (%di), %dx
    mov $hello, %si
    call print
    add $2, %di
    cmp $ports_end, %di
    jb 1b
    mov $hello, %si
2:  lodsb
    test %al, %al
    jz serve
    mov $LPT1, %dx
    out %al, %dx
    add $2, %dx
    mov $0x0c, %al
    out %al, %dx
    inc %al                 /* strobe */
    out %al, %dx
    jmp 2b

serve:
    mov $0x2000, %bp        /* rounds without news before it waits for the next tick of the clock */
round:
    mov $ports, %di
1:  mov (%di), %dx
    add $5, %dx
    in %dx, %al             /* line status; 0xff: no such port */
    cmp $0xff, %al
    je 2f
    test $1, %al
    jz 2f
    sub $5, %dx
    in %dx, %al
    call obey
    jmp serve
2:  add $2, %di
    cmp $ports_end, %di
    jb 1b
    mov $PM_STATUS, %dx
    in %dx, %ax
    test $POWER_BUTTON, %ax
    jnz power_off
    dec %bp
    jnz round
    sti
    hlt
    cli
    jmp serve

obey:                       /* the byte in al from port dx */
    cmp $1, %al
    je panic
    cmp $2, %al
    je power_off
    cmp $3, %al
    je reset
    cmp $4, %al
    je suspend
put:                        /* al to port dx, as soon as it takes it */
    mov %al, %ah
    add $5, %dx
    xor %cx, %cx
1:  in %dx, %al
    test $0x20, %al
    loopz 1b
    sub $5, %dx
    mov %ah, %al
    out %al, %dx
    ret

print:                      /* the text at si to port dx */
    lodsb
    test %al, %al
    jz 1f
    call put
    jmp print
1:  ret

panic:
    mov $PVPANIC, %dx
    mov $1, %al
    out %al, %dx
    ret

power_off:
    mov $PM_STATUS, %dx
    mov $POWER_BUTTON, %ax
    out %ax, %dx            /* seen */
    mov $SLEEP, %ax
    jmp sleep
suspend:
    mov $(SLEEP | 1 << 10), %ax
sleep:
    mov $PM_CONTROL, %dx
    out %ax, %dx
    ret

reset:
    mov $RESET, %dx
    mov $2, %al
    out %al, %dx
    mov $6, %al
    out %al, %dx
    ret

ports:
    .word 0x3f8, 0x2f8, 0x3e8, 0x2e8
ports_end:
hello:
    .ascii "LODGE-BARE-UP "
medium:
    .asciz "?\r\n"
    .org 510
    .word 0xaa55
